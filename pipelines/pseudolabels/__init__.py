"""The parts of the stage pseudo_label: what it is asked, clusters and their ids, classes, the file."""
