"""From shop pages to a catalogue: page objects (pure), spiders, the database writer and the image downloader."""
