package dev.gyre.deploy.console;

import dev.gyre.trainer.step.StepMetrics;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/**
 * The table of a running job, with a row every few steps. A row is at most 79 columns wide, without
 * remarks.
 */
public final class StepTable {
  /** Steps of the running mean, which smooths the differences between batches. */
  static final int MEAN_STEPS = 20;

  private static final int BAR = 10;

  /** Stands for the loss of a batch without labels. */
  private static final String NO_LOSS = "-";

  private final Console console;
  private final long steps;
  private final double fullBar;
  private final long rowEvery;
  private final Deque<Double> recent = new ArrayDeque<>();
  private final StringBuilder remarks = new StringBuilder();
  private boolean headed;
  private double secondsPerStep;

  /**
   * @param steps of the whole job
   * @param vocabulary whose uniform guess (ln of it) fills the bar
   */
  public StepTable(Console console, long steps, int vocabulary) {
    this.console = console;
    this.steps = steps;
    this.fullBar = Math.log(Math.max(2, vocabulary));
    this.rowEvery = Math.max(1, Math.min(10, steps / 20));
  }

  /** Adds text to the next row, for example {@code eval 2.51}. */
  public synchronized void remark(String text) {
    remarks.append("   ").append(text);
  }

  public synchronized void step(StepMetrics m) {
    secondsPerStep =
        secondsPerStep == 0 ? m.stepSeconds() : 0.9 * secondsPerStep + 0.1 * m.stepSeconds();
    if (Double.isFinite(m.loss())) {
      recent.addLast(m.loss());
      if (recent.size() > MEAN_STEPS) {
        recent.removeFirst();
      }
    }
    if (!headed) {
      console.line("");
      console.line(
          "  step   loss   raw  nats/token    tok/s   MFU   grad  lr          mem     left");
      headed = true;
    }
    if (m.skipped()) {
      remark("skipped: not finite");
    }
    boolean due = m.step() == 1 || m.step() % rowEvery == 0 || m.step() == steps;
    if (due || !remarks.isEmpty()) {
      print(row(m));
    } else {
      console.busy(row(m));
    }
  }

  /** Prints remarks on a separate line if the terminal would wrap them. */
  private void print(String row) {
    if (console.fits(row + remarks)) {
      console.line(row + remarks);
    } else {
      console.line(row);
      console.line("      " + remarks);
    }
    remarks.setLength(0);
  }

  private String row(StepMetrics m) {
    double mean = recent.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    int filled = (int) Math.round(BAR * Math.clamp(mean / fullBar, 0, 1));
    return String.format(
        Locale.ROOT,
        "%6d  %5s %5s  %-10s  %,7.0f  %4s  %5s  %-7s  %6s  %7s",
        m.step(),
        loss(mean),
        m.skipped() ? "nan" : loss(m.loss()),
        "#".repeat(filled) + ".".repeat(BAR - filled),
        m.tokensPerSecond(),
        Units.percent(m.mfu()),
        Units.norm(m.gradNorm()),
        Units.rate(m.lr()),
        Units.bytes(m.memoryBytes()),
        Units.left((double) (steps - m.step()) * secondsPerStep));
  }

  private static String loss(double loss) {
    return Double.isNaN(loss) ? NO_LOSS : String.format(Locale.ROOT, "%.2f", loss);
  }
}
