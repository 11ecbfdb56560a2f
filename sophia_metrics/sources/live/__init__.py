"""Sources that answer over the network: one endpoint of a vendor a file."""
