"""The labelling page: which samples a person is asked about, the answers on the disk, and the server of both."""
