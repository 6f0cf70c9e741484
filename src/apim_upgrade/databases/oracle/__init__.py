"""Oracle as a place that data comes from: read, never written."""
