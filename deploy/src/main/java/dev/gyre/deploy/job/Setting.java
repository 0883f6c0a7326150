package dev.gyre.deploy.job;

/**
 * A value on the command line that overrides the job file.
 *
 * @param key dotted path in the job file
 * @param value the value
 * @param yaml whether the value is YAML, or plain text
 * @param source what was typed, for messages: {@code --set train.steps=3} or {@code --ring 2}
 */
public record Setting(String key, String value, boolean yaml, String source) {
  /** The value of a separate option, such as {@code --ring}. */
  public static Setting ofOption(String key, String option, Object value) {
    return new Setting(key, value.toString(), false, option + " " + value);
  }

  /**
   * @param text {@code KEY=VALUE}
   * @throws JobFileException if there is no key or no {@code =}
   */
  public static Setting parse(String text) {
    int eq = text.indexOf('=');
    if (eq < 1) {
      throw new JobFileException(
          "--set " + text + ": write --set KEY=VALUE, for example --set train.steps=400");
    }
    return new Setting(text.substring(0, eq), text.substring(eq + 1), true, "--set " + text);
  }
}
