"""DB2 as a place that data comes from: read, never written."""
