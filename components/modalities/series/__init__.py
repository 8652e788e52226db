"""Time series and sensor data."""
