"""Train, measure and export the speaker embedding that Diarist ships."""
