"""The customers' status page: how far their project is, for whoever has the link."""
