"""selfsup forget: samples taken out of the data, their versions, and all that was made of them."""
