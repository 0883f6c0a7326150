package dev.gyre.deploy.console;

import dev.gyre.trainer.step.StepMetrics;
import java.util.Locale;

/** The table of a running job: a row every so many steps, the loss drawn as a bar. */
public final class StepTable {
  private static final int BAR = 20;

  private final Console console;
  private final long steps;
  private final double fullBar;
  private final long rowEvery;
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

  /** Something that happened at the coming row's step, for example {@code eval 2.51}. */
  public synchronized void remark(String text) {
    remarks.append("   ").append(text);
  }

  public synchronized void step(StepMetrics m) {
    secondsPerStep =
        secondsPerStep == 0 ? m.stepSeconds() : 0.9 * secondsPerStep + 0.1 * m.stepSeconds();
    String row = row(m);
    boolean due = m.step() == 1 || m.step() % rowEvery == 0 || m.step() == steps;
    if (!headed) {
      console.line("");
      console.line(
          "  step   loss  %-20s    tok/s   MFU   grad  lr       mem      left"
              .formatted("nats/token"));
      headed = true;
    }
    if (due || m.skipped() || !remarks.isEmpty()) {
      console.line(row + (m.skipped() ? "   skipped: not finite" : "") + remarks);
      remarks.setLength(0);
    } else {
      console.busy(row);
    }
  }

  private String row(StepMetrics m) {
    int filled = (int) Math.round(BAR * Math.clamp(m.loss() / fullBar, 0, 1));
    return String.format(
        Locale.ROOT,
        "%6d  %5.2f  %-20s  %,7.0f  %4s  %5.2f  %-7s  %-7s  %s",
        m.step(),
        m.loss(),
        "#".repeat(filled) + ".".repeat(BAR - filled),
        m.tokensPerSecond(),
        Units.percent(m.mfu()),
        m.gradNorm(),
        Units.rate(m.lr()),
        Units.bytes(m.memoryBytes()),
        Units.seconds((double) (steps - m.step()) * secondsPerStep));
  }
}
