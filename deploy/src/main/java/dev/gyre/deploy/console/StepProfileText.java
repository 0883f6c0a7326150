package dev.gyre.deploy.console;

import dev.gyre.deploy.bench.StepProfile;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The time profile of a step, as a bar chart. */
public final class StepProfileText {
  private static final int BAR = 30;

  private StepProfileText() {}

  public static List<String> lines(StepProfile profile) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "rank 0, mean of %s of %s; time and calls a step"
            .formatted(Units.of(profile.steps(), "step"), Units.seconds(profile.stepSeconds())));
    for (StepProfile.Part part : profile.parts()) {
      double share = part.seconds() / profile.stepSeconds();
      int filled = (int) Math.round(BAR * Math.min(1, share));
      lines.add(
          String.format(
              Locale.ROOT,
              "%-30s %s%s %6s %9.1f ms %,6.0f x",
              part.name(),
              "#".repeat(filled),
              ".".repeat(BAR - filled),
              Units.percent(share),
              part.seconds() * 1e3,
              part.calls()));
    }
    return lines;
  }
}
