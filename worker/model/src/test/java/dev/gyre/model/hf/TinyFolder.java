package dev.gyre.model.hf;

import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A Hugging Face folder of a tiny Llama model; values count up from tensor to tensor. */
record TinyFolder(Path folder) {
  static ModelSpec model(boolean tied) {
    return new Decoder(new EmbeddingSpec(16, 8), 1, new HeadShape(2, 2, 4))
        .mlp(6)
        .normEps(1e-6)
        .tied(tied)
        .spec();
  }

  /** The config alone. */
  static TinyFolder in(Path folder, boolean tied) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"), HfConfigWriter.config(model(tied), null, 0).text());
    return new TinyFolder(folder);
  }

  /**
   * Writes tensors of the untied model.
   *
   * @param file below the folder
   * @param skipped tensors that are left out
   * @param values that differ from the usual, by tensor
   */
  TinyFolder weights(String file, List<String> skipped, Map<String, float[]> values)
      throws IOException {
    List<TensorSpec> specs =
        model(false).tensors().stream()
            .filter(spec -> !skipped.contains(HfNames.former(spec.name())))
            .toList();
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    specs.forEach(
        s -> entries.add(new SafetensorsWriter.Entry(HfNames.former(s.name()), "F32", s.shape())));
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter out =
            SafetensorsWriter.create(folder.resolve(file), entries, Map.of("format", "pt"))) {
      float at = 0;
      for (TensorSpec spec : specs) {
        MemorySegment data = arena.allocate(ValueLayout.JAVA_FLOAT, spec.elements());
        float[] own = values.get(HfNames.former(spec.name()));
        for (long i = 0; i < spec.elements(); i++) {
          data.setAtIndex(
              ValueLayout.JAVA_FLOAT, i, own == null ? at++ : own[(int) (i % own.length)]);
        }
        out.write(HfNames.former(spec.name()), 0, data);
      }
    }
    return this;
  }
}
