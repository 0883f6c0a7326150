package dev.gyre.model.hf;

import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.ModelSpec;
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
    return new ModelSpec(
        "llama", 16, 8, 1, 2, 2, 4, 6, 0, 0, 1e-6, 1e4, tied, AttentionPattern.FULL, List.of(), 0);
  }

  /** The config alone. */
  static TinyFolder in(Path folder, boolean tied) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), HfConfigWriter.write(model(tied), null));
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
    List<ParameterSpec> specs =
        ModelParameters.of(model(false)).stream()
            .filter(spec -> !skipped.contains(spec.name()))
            .toList();
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    specs.forEach(s -> entries.add(new SafetensorsWriter.Entry(s.name(), "F32", s.shape())));
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter out =
            SafetensorsWriter.create(folder.resolve(file), entries, Map.of("format", "pt"))) {
      float at = 0;
      for (ParameterSpec spec : specs) {
        MemorySegment data = arena.allocate(ValueLayout.JAVA_FLOAT, spec.elements());
        float[] own = values.get(spec.name());
        for (long i = 0; i < spec.elements(); i++) {
          data.setAtIndex(
              ValueLayout.JAVA_FLOAT, i, own == null ? at++ : own[(int) (i % own.length)]);
        }
        out.write(spec.name(), 0, data);
      }
    }
    return this;
  }
}
