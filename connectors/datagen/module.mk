PLUGINS += leat-datagen
leat-datagen_DIRS := connectors/datagen
leat-datagen_PKGS :=
