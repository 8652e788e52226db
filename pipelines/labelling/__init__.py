"""The labelling page: which samples a person is asked about, their answers on the disk, and the server that shows both."""
