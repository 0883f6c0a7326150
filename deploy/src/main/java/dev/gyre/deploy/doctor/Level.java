package dev.gyre.deploy.doctor;

/** Severity of a finding. */
public enum Level {
  OK("ok"),
  COULD_BE_BETTER("could be better"),
  /** Training cannot work, or not in a reasonable time. */
  BROKEN("broken");

  private final String text;

  Level(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
