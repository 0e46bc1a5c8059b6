"""One blueprint a file. A view reads the request, calls one function, and renders."""
