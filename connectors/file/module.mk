PLUGINS += leat-file
leat-file_DIRS := connectors/file
leat-file_PKGS :=
