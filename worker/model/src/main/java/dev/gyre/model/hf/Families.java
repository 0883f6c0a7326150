package dev.gyre.model.hf;

import java.util.List;
import java.util.stream.Collectors;

/** All families that can be read and written. */
final class Families {
  static final Family LLAMA = new Llama();
  static final Family MIXTRAL = new Mixtral();

  private static final List<Family> ALL =
      List.of(
          LLAMA,
          new Mistral(),
          MIXTRAL,
          new Qwen2(),
          new Qwen3(),
          new Qwen3Moe(),
          new Olmoe(),
          new GptOss(),
          new DeepseekV3());

  private Families() {}

  /**
   * @param type the value of {@code model_type}
   * @throws dev.gyre.partitioning.check.Invalid if there is none
   */
  static Family of(String type) {
    for (Family family : ALL) {
      if (family.type().equals(type)) {
        return family;
      }
    }
    throw HfConfig.invalid(
        "model_type",
        "'%s' is not supported; it must be one of %s"
            .formatted(type, ALL.stream().map(Family::type).collect(Collectors.joining(", "))));
  }
}
