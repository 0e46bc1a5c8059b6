"""Sockets on which we listen: certificates, limits on connections, start and drain."""
