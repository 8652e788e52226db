"""Charts and HTML that report and monitor share."""
