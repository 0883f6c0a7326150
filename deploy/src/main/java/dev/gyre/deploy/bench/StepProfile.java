package dev.gyre.deploy.bench;

import dev.gyre.deploy.console.Units;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where rank 0's steps spent their time, by its trace: kernel by kernel, then what is no kernel.
 * Steps that warm up do not count, nor does the last one, whose span ends with the run.
 */
public final class StepProfile {
  private static final int BAR = 30;
  private static final double MICROS = 1e6;

  /**
   * @param calls a step
   * @param seconds a step
   */
  record Part(String name, double calls, double seconds) {}

  private final int steps;
  private final double stepSeconds;
  private final List<Part> parts;

  private StepProfile(int steps, double stepSeconds, List<Part> parts) {
    this.steps = steps;
    this.stepSeconds = stepSeconds;
    this.parts = List.copyOf(parts);
  }

  /**
   * @param trace of the run, as Gyre writes it
   * @param metrics of all its steps, in order
   */
  public static StepProfile read(Path trace, List<StepMetrics> metrics) throws IOException {
    JsonNode events = JsonMapper.shared().readTree(Files.readString(trace)).path("traceEvents");
    return of(events, metrics);
  }

  static StepProfile of(JsonNode events, List<StepMetrics> metrics) {
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

  private static List<JsonNode> spans(JsonNode events, String lane) {
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

  /** By falling time. */
  List<Part> parts() {
    return parts;
  }

  /** A picture of it: a bar for each part. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "rank 0, mean of %d steps of %s; calls and time a step"
            .formatted(steps, Units.seconds(stepSeconds)));
    for (Part part : parts) {
      double share = part.seconds / stepSeconds;
      int filled = (int) Math.round(BAR * Math.min(1, share));
      lines.add(
          String.format(
              Locale.ROOT,
              "%-30s %s%s %6s %9.1f ms %,6.0f x",
              part.name,
              "#".repeat(filled),
              ".".repeat(BAR - filled),
              Units.percent(share),
              part.seconds * 1e3,
              part.calls));
    }
    return lines;
  }
}
