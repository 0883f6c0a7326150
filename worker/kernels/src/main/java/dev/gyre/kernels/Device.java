package dev.gyre.kernels;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a backend computes: {@code cpu}, or one GPU of this host, {@code cuda:N}.
 *
 * @param index the GPU's number, from 0; −1 for the CPU
 */
public record Device(int index) {
  public static final Device CPU = new Device(-1);

  private static final Pattern CUDA = Pattern.compile("cuda:(\\d{1,3})");

  public Device {
    if (index < -1) {
      throw new IllegalArgumentException("GPU " + index + "; they count from 0");
    }
  }

  /**
   * Reads what {@link #toString} writes.
   *
   * @throws IllegalArgumentException naming the text and what it may be
   */
  public static Device parse(String text) {
    if (text.equals("cpu")) {
      return CPU;
    }
    Matcher cuda = CUDA.matcher(text);
    if (!cuda.matches()) {
      throw new IllegalArgumentException("device '" + text + "' is neither cpu nor cuda:N");
    }
    return new Device(Integer.parseInt(cuda.group(1)));
  }

  public boolean isCpu() {
    return index < 0;
  }

  @Override
  public String toString() {
    return isCpu() ? "cpu" : "cuda:" + index;
  }
}
