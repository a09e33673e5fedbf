"""The bundle format: the files of one version, described and named by their content.

Owns the manifest's schema, the reader, the writer and the verifier. Filling a bundle is the exporter's work, judging
it the gates', carrying it the channel's.
"""
