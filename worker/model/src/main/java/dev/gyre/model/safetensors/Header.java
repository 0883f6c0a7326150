package dev.gyre.model.safetensors;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The JSON at the start of a safetensors file.
 *
 * @param tensors by name, in the order of their data
 */
record Header(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
  /** The format's own limit. */
  static final long MAX_BYTES = 100_000_000;

  private static final String METADATA = "__metadata__";

  static Header parse(Object file, byte[] json, long dataBytes) {
    JsonNode root;
    try {
      root =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(json);
    } catch (JacksonException e) {
      throw new SafetensorsException(file, "its header is not JSON: " + e.getOriginalMessage());
    }
    if (root == null || !root.isObject()) {
      throw new SafetensorsException(file, "its header is not a JSON object");
    }
    List<TensorInfo> list = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      if (entry.getKey().equals(METADATA)) {
        entry
            .getValue()
            .properties()
            .forEach(e -> metadata.put(e.getKey(), e.getValue().asString()));
      } else {
        list.add(info(file, entry.getKey(), entry.getValue()));
      }
    }
    list.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
    checkCover(file, list, dataBytes);
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    list.forEach(t -> tensors.put(t.name(), t));
    return new Header(tensors, metadata);
  }

  private static TensorInfo info(Object file, String name, JsonNode node) {
    JsonNode dtype = node.path("dtype");
    long[] shape = longs(node.path("shape"));
    long[] range = longs(node.path("data_offsets"));
    if (!dtype.isString() || shape == null || range == null || range.length != 2) {
      throw new SafetensorsException(
          file, "tensor " + name + " lacks a valid dtype, shape or data_offsets");
    }
    TensorInfo info = new TensorInfo(name, dtype.asString(), shape, range[0], range[1]);
    int width = TensorInfo.width(info.dtype());
    if (width == 0) {
      throw new SafetensorsException(file, info + " has an unknown dtype");
    }
    long wanted;
    try {
      wanted = Math.multiplyExact(info.elements(), (long) width);
    } catch (ArithmeticException e) {
      throw new SafetensorsException(file, info + " has more elements than a file can hold");
    }
    if (info.begin() > info.end() || info.byteSize() != wanted) {
      throw new SafetensorsException(
          file,
          "%s needs %d bytes, its data_offsets %d to %d give %d"
              .formatted(info, wanted, info.begin(), info.end(), info.end() - info.begin()));
    }
    return info;
  }

  /** Non-negative integers, or null if the node is something else. */
  private static long @Nullable [] longs(JsonNode node) {
    if (!(node instanceof ArrayNode array)) {
      return null;
    }
    long[] values = new long[array.size()];
    for (int i = 0; i < values.length; i++) {
      JsonNode item = array.get(i);
      if (!item.isIntegralNumber() || !item.canConvertToLong() || item.asLong() < 0) {
        return null;
      }
      values[i] = item.asLong();
    }
    return values;
  }

  private static void checkCover(Object file, List<TensorInfo> sorted, long dataBytes) {
    long at = 0;
    for (TensorInfo t : sorted) {
      if (t.begin() < at) {
        throw new SafetensorsException(
            file, t + " starts at " + t.begin() + " inside another tensor that ends at " + at);
      }
      if (t.begin() > at) {
        throw new SafetensorsException(
            file, "a gap of " + (t.begin() - at) + " bytes is before " + t);
      }
      at = t.end();
    }
    if (at > dataBytes) {
      throw new SafetensorsException(
          file,
          "truncated: its tensors need %d bytes of data, it has %d; copy it again"
              .formatted(at, dataBytes));
    }
    if (at < dataBytes) {
      throw new SafetensorsException(
          file, (dataBytes - at) + " bytes follow the last tensor; the file is not whole");
    }
  }

  /** The header's bytes, padded with spaces so that data starts at a multiple of 8. */
  byte[] bytes() {
    JsonMapper mapper = JsonMapper.builder().build();
    ObjectNode root = mapper.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode node = root.putObject(METADATA);
      metadata.forEach(node::put);
    }
    for (TensorInfo t : tensors.values()) {
      ObjectNode node = root.putObject(t.name());
      node.put("dtype", t.dtype());
      ArrayNode shape = node.putArray("shape");
      for (long d : t.shape()) {
        shape.add(d);
      }
      node.putArray("data_offsets").add(t.begin()).add(t.end());
    }
    byte[] json = mapper.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + 7) & -8;
    byte[] bytes = Arrays.copyOf(json, padded);
    Arrays.fill(bytes, json.length, padded, (byte) ' ');
    return bytes;
  }
}
