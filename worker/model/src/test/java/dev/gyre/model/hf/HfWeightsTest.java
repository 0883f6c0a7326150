package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadSpec;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HfWeightsTest {
  private static final Path PLAIN = Path.of(System.getProperty("gyre.golden.dir"), "plain");

  @Test
  void aModelThatIsNotInTheFolderIsAnErrorNamingTheTensor() throws IOException {
    ModelSpec model = HfConfig.read(PLAIN.resolve("config.json")).model();
    refused(with(model, 3, 96, 4, false), "model.layers.2.input_layernorm.weight[64]");
    refused(with(model, 1, 96, 4, false), "a model of its config does not have");
    refused(with(model, 2, 95, 4, false), "w1.weight[95, 64]");
    refused(
        with(model, 2, 96, 5, false), "needs model.layers.0.block_sparse_moe.gate.weight[5, 64]");
    // A head beside a tied embedding is only a copy.
    HfWeights.open(PLAIN, with(model, 2, 96, 4, true)).close();
  }

  /** The header is enough to tell, before a weight is read. */
  @Test
  void weightsThatAreNoFloatsAreAnErrorNamingTheTensor(@TempDir Path folder) throws IOException {
    ModelSpec model = HfConfig.read(PLAIN.resolve("config.json")).model();
    byte[] file = Files.readAllBytes(PLAIN.resolve("model.safetensors"));
    String text = new String(file, StandardCharsets.ISO_8859_1);
    String changed = text.replaceFirst("\"F32\"", "\"I32\"");
    Files.copy(PLAIN.resolve("config.json"), folder.resolve("config.json"));
    Files.write(folder.resolve("model.safetensors"), changed.getBytes(StandardCharsets.ISO_8859_1));
    refused(folder, model, " I32[");
    refused(folder, model, "none of F32, BF16, F16, F64; convert it to one of them");
  }

  private static void refused(ModelSpec model, String problem) {
    refused(PLAIN, model, problem);
  }

  private static void refused(Path folder, ModelSpec model, String problem) {
    String message =
        assertThrows(Invalid.class, () -> HfWeights.open(folder, model).close()).toString();
    assertTrue(message.contains(problem), message);
  }

  private static ModelSpec with(ModelSpec m, int layers, int width, int experts, boolean tied) {
    LayerSpec layer =
        new LayerSpec(
            m.mixer(0),
            new MixtureOfExperts(experts, width, new RouterSpec.TopK(m.expertsPerToken())));
    return new ModelSpec(
        m.embedding(),
        Collections.nCopies(layers, layer),
        new HeadSpec(tied),
        m.normEps(),
        m.initializerRange());
  }

  @Test
  void expertsOfARunLieOneAfterAnother() throws IOException {
    ModelSpec model = HfConfig.read(PLAIN.resolve("config.json")).model();
    List<String> held =
        model.tensors(1, 2).stream()
            .filter(p -> p.layer() == 0 && p.isExpert())
            .map(p -> p.name().substring("layers.0.feed_forward.experts.".length()))
            .toList();
    assertEquals(List.of("1.gate", "1.up", "2.gate", "2.up", "1.down", "2.down"), held);
  }
}
