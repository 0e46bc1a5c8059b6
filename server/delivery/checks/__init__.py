"""The checks of arriving mail, one a file; `server.delivery.check` has their order."""
