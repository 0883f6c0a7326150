package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StepProfileTest {
  private static String span(String lane, String name, int rank, double from, double micros) {
    return "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"ts\":%s,\"dur\":%s}"
        .formatted(name, lane, rank, from, micros);
  }

  private static List<JsonNode> trace(String... spans) {
    return Arrays.stream(spans).map(JsonMapper.shared()::readTree).toList();
  }

  private static Map<String, Double> micros(StepProfile profile) {
    return profile.parts().stream()
        .collect(Collectors.toMap(StepProfile.Part::name, part -> part.seconds() * 1e6));
  }

  @Test
  void theLastStepDoesNotCount() {
    StepProfile profile =
        StepProfile.of(
            trace(
                span("steps", "step 0", 0, 0, 100),
                span("steps", "step 1", 0, 100, 900),
                span("kernels", "linear", 0, 10, 40),
                span("kernels", "linear", 0, 60, 20),
                span("kernels", "linear", 0, 200, 500),
                span("kernels", "linear", 1, 20, 30),
                span("waits", "ring", 0, 80, 10)),
            List.of());
    Map<String, Double> micros = micros(profile);
    assertEquals(60, micros.get("linear"), 1e-9);
    assertEquals(10, micros.get("wait: ring"), 1e-9);
    assertEquals(30, micros.get("all else"), 1e-9);
    assertEquals("linear", profile.parts().getFirst().name());
    assertEquals(2, profile.parts().getFirst().calls(), 1e-9);
  }

  @Test
  void stepsThatWarmUpDoNotCount() {
    StepProfile profile =
        StepProfile.of(
            trace(
                span("steps", "step 0", 0, 0, 100),
                span("steps", "step 1", 0, 100, 100),
                span("steps", "step 2", 0, 200, 100),
                span("steps", "step 3", 0, 300, 100),
                span("steps", "step 4", 0, 400, 100),
                span("kernels", "rope", 0, 50, 10),
                span("kernels", "rope", 0, 250, 20),
                span("kernels", "rope", 0, 350, 40),
                span("kernels", "rope", 0, 450, 10)),
            List.of());
    assertEquals(30, micros(profile).get("rope"), 1e-9);
  }

  @Test
  void aTraceIsReadLineByLine(@TempDir Path folder) throws IOException {
    Path trace = folder.resolve("trace.json");
    Files.writeString(
        trace,
        "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
            + String.join(
                ",\n",
                span("steps", "step 0", 0, 0, 100),
                span("kernels", "rope", 1, 20, 30),
                span("kernels", "rope", 0, 50, 10))
            + "\n]}\n");
    assertEquals(10, micros(StepProfile.read(trace, List.of())).get("rope"), 1e-9);
  }

  @Test
  void aRunWithoutAStepHasNoParts() {
    assertEquals(List.of(), StepProfile.of(trace(), List.of()).parts());
  }
}
