"""The champion over HTTP: `selfsup serve`."""
