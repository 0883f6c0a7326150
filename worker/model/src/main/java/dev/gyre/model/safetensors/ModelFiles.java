package dev.gyre.model.safetensors;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The weights in a model folder, in one file or several. */
public final class ModelFiles implements AutoCloseable {
  private final Path folder;
  private final List<String> notes;
  private final List<SafetensorsReader> readers = new ArrayList<>();
  private final Map<String, SafetensorsReader> readerOf = new HashMap<>();

  private ModelFiles(Path folder, List<String> notes) {
    this.folder = folder;
    this.notes = notes;
  }

  /**
   * @throws SafetensorsException when the folder has no weights or two sets of them, or a file is
   *     missing or broken
   */
  public static ModelFiles open(Path folder) throws IOException {
    WeightFiles chosen = WeightFiles.choose(folder);
    ModelFiles files = new ModelFiles(folder, chosen.notes());
    boolean done = false;
    try {
      Map<String, String> shardOf = chosen.shardOf();
      if (shardOf == null) {
        SafetensorsReader reader = files.openOne(folder.resolve(WeightFiles.SINGLE));
        reader.names().forEach(n -> files.readerOf.put(n, reader));
      } else {
        files.openShards(shardOf);
      }
      done = true;
      return files;
    } finally {
      if (!done) {
        files.close();
      }
    }
  }

  private void openShards(Map<String, String> shardOf) throws IOException {
    Map<String, SafetensorsReader> byFile = new HashMap<>();
    for (Map.Entry<String, String> entry : shardOf.entrySet()) {
      SafetensorsReader reader = byFile.get(entry.getValue());
      if (reader == null) {
        reader = openOne(folder.resolve(entry.getValue()));
        byFile.put(entry.getValue(), reader);
      }
      reader.info(entry.getKey());
      readerOf.put(entry.getKey(), reader);
    }
  }

  private SafetensorsReader openOne(Path file) throws IOException {
    SafetensorsReader reader = SafetensorsReader.open(file);
    readers.add(reader);
    return reader;
  }

  /** Files in the folder that are not read, one line each for the user. */
  public List<String> notes() {
    return notes;
  }

  public Set<String> names() {
    return readerOf.keySet();
  }

  /**
   * The file that holds a tensor.
   *
   * @throws SafetensorsException when none does
   */
  public SafetensorsReader holding(String name) {
    SafetensorsReader reader = readerOf.get(name);
    if (reader == null) {
      throw new SafetensorsException(folder, "has no tensor " + name);
    }
    return reader;
  }

  @Override
  public void close() {
    readers.forEach(SafetensorsReader::close);
  }
}
