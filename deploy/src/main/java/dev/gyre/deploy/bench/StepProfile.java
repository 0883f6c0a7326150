package dev.gyre.deploy.bench;

import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Time of rank 0's steps from its trace, by kernel and by other activities. Warm-up steps do not
 * count, nor does the last step, whose span ends with the run.
 *
 * @param steps that count
 * @param stepSeconds their mean time
 * @param parts in descending order of time
 */
public record StepProfile(int steps, double stepSeconds, List<Part> parts) {
  private static final double MICROS = 1e6;

  /**
   * @param calls per step
   * @param seconds per step
   */
  public record Part(String name, double calls, double seconds) {}

  public StepProfile {
    parts = List.copyOf(parts);
  }

  /**
   * @param trace of the run, written by Gyre
   * @param metrics of all its steps, in order
   */
  public static StepProfile read(Path trace, List<StepMetrics> metrics) throws IOException {
    List<JsonNode> events = new ArrayList<>();
    try (Stream<String> lines = Files.lines(trace)) {
      // One event per line; lines of other ranks, most of a long trace, are skipped without
      // parsing.
      lines
          .filter(line -> line.contains("\"pid\":0,"))
          .map(line -> line.endsWith(",") ? line.substring(0, line.length() - 1) : line)
          .forEach(line -> events.add(JsonMapper.shared().readTree(line)));
    }
    return of(events, metrics);
  }

  static StepProfile of(List<JsonNode> events, List<StepMetrics> metrics) {
    List<JsonNode> all = spans(events, "steps");
    int from = all.size() < BenchJob.ALL_BELOW ? 0 : BenchJob.WARM_UP;
    int to = Math.max(from + 1, all.size() - 1);
    List<JsonNode> counted = all.subList(Math.min(from, all.size()), Math.min(to, all.size()));
    if (counted.isEmpty()) {
      return new StepProfile(0, 0, List.of());
    }
    double began = counted.getFirst().path("ts").asDouble();
    double ended = counted.getLast().path("ts").asDouble() + duration(counted.getLast());
    int steps = counted.size();
    Map<String, Part> byName = new HashMap<>();
    double seconds = (ended - began) / MICROS / steps;
    double rest = seconds;
    for (String lane : List.of("kernels", "waits")) {
      for (JsonNode span : spans(events, lane)) {
        double at = span.path("ts").asDouble();
        if (at >= began && at < ended) {
          boolean wait = lane.equals("waits");
          String name = (wait ? "wait: " : "") + span.path("name").asString();
          double share = duration(span) / MICROS / steps;
          rest -= share;
          byName.merge(name, new Part(name, 1.0 / steps, share), StepProfile::sum);
        }
      }
    }
    double moving =
        metrics.subList(Math.min(from, metrics.size()), Math.min(to, metrics.size())).stream()
            .mapToDouble(StepMetrics::communicationSeconds)
            .average()
            .orElse(0);
    List<Part> parts = new ArrayList<>(byName.values());
    parts.add(new Part("moving bytes", 1, moving));
    parts.add(new Part("all else", 1, Math.max(0, rest - moving)));
    parts.sort(Comparator.comparingDouble(Part::seconds).reversed());
    return new StepProfile(steps, seconds, parts);
  }

  private static List<JsonNode> spans(List<JsonNode> events, String lane) {
    List<JsonNode> spans = new ArrayList<>();
    for (JsonNode event : events) {
      if (event.path("ph").asString().equals("X")
          && event.path("pid").asInt() == 0
          && event.path("cat").asString().equals(lane)) {
        spans.add(event);
      }
    }
    return spans;
  }

  private static double duration(JsonNode span) {
    return span.path("dur").asDouble();
  }

  private static Part sum(Part a, Part b) {
    return new Part(a.name, a.calls + b.calls, a.seconds + b.seconds);
  }
}
