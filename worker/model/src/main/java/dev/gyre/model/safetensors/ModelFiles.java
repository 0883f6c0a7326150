package dev.gyre.model.safetensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The weights in a model folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists.
 */
public final class ModelFiles implements AutoCloseable {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final Path folder;
  private final List<SafetensorsReader> readers = new ArrayList<>();
  private final Map<String, SafetensorsReader> readerOf = new HashMap<>();

  private ModelFiles(Path folder) {
    this.folder = folder;
  }

  /**
   * @throws SafetensorsException when the folder has no weights, or a file is broken
   */
  public static ModelFiles open(Path folder) throws IOException {
    ModelFiles files = new ModelFiles(folder);
    boolean done = false;
    try {
      if (Files.exists(folder.resolve(INDEX))) {
        files.openShards(folder.resolve(INDEX));
      } else if (Files.exists(folder.resolve(SINGLE))) {
        SafetensorsReader reader = files.openOne(folder.resolve(SINGLE));
        reader.names().forEach(n -> files.readerOf.put(n, reader));
      } else {
        throw new SafetensorsException(folder, "has neither " + SINGLE + " nor " + INDEX);
      }
      done = true;
      return files;
    } finally {
      if (!done) {
        files.close();
      }
    }
  }

  private void openShards(Path index) throws IOException {
    JsonNode map;
    try {
      map = JsonMapper.builder().build().readTree(Files.readString(index)).path("weight_map");
    } catch (JacksonException e) {
      throw new SafetensorsException(index, "is not JSON: " + e.getOriginalMessage());
    }
    if (!map.isObject()) {
      throw new SafetensorsException(index, "has no weight_map");
    }
    Map<String, SafetensorsReader> byFile = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String name = entry.getValue().asString();
      if (!Path.of(name).equals(Path.of(name).getFileName())) {
        throw new SafetensorsException(index, "names a shard outside of its folder: " + name);
      }
      SafetensorsReader reader = byFile.get(name);
      if (reader == null) {
        reader = openOne(index.resolveSibling(name));
        byFile.put(name, reader);
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
