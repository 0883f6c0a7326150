package dev.gyre.partitioning.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.RopeScaling.Linear;
import dev.gyre.partitioning.model.RopeScaling.Llama3;
import dev.gyre.partitioning.model.RopeScaling.Yarn;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Frequencies and factors of transformers 5.18, of the functions in its {@code ROPE_INIT_FUNCTIONS}
 * with float32 replaced by float64.
 */
final class RopeScalingTest {
  private static void check(double theta, RopeScaling scaling, double... expected) {
    double[] got = new RopeSpec(theta, scaling).frequencies(2 * expected.length);
    assertEquals(expected.length, got.length);
    for (int i = 0; i < got.length; i++) {
      assertEquals(expected[i], got[i], 1e-12 * expected[i], scaling + ", pair " + i);
    }
  }

  private static Yarn yarn(
      double factor, int original, double fast, double slow, boolean truncate) {
    double attention = Yarn.usualAttentionFactor(factor);
    return new Yarn(factor, original, fast, slow, truncate, attention, 0);
  }

  @Test
  void noneAndLinear() {
    check(1e4, new RopeScaling.None(), 1, 0.1, 0.01, 0.001);
    check(1e4, new Linear(4), 0.25, 0.025, 0.0025, 0.00025);
  }

  @Test
  void llama3() {
    check(
        5e5,
        new Llama3(8, 1, 4, 8192),
        1.0,
        0.19392274474868576,
        0.03760603093086393,
        0.0072926647372171085,
        0.0005248461609929547,
        3.428102195952591e-05,
        6.647869871181236e-06,
        1.2891731721515574e-06);
    check(
        1e4,
        new Llama3(32, 1, 4, 256),
        1.0,
        0.2154434690031884,
        0.014807517488907056,
        0.0003125,
        6.732608406349638e-05,
        1.4504965105039927e-05);
  }

  @Test
  void yarnFromWholePairToWholePair() {
    check(
        1e4,
        yarn(4, 1024, Yarn.BETA_FAST, Yarn.BETA_SLOW, true),
        1.0,
        0.31622776601683794,
        0.08125000000000002,
        0.019764235376052368,
        0.004375,
        0.0007905694150420947,
        0.00025,
        7.905694150420948e-05);
    check(1e4, yarn(40, 4096, 32, 1, true), 1.0, 0.1, 0.005125, 2.5e-05);
    check(
        1e4,
        yarn(4, 64, 16, 2, true),
        1.0,
        0.13465216812699274,
        0.01160397208403195,
        0.0025,
        0.0005386086725079711,
        0.00011603972084031942);
  }

  @Test
  void yarnBetweenPairs() {
    check(
        15e4,
        yarn(32, 4096, 32, 1, false),
        1.0,
        0.2254180002028708,
        0.050813274815461475,
        0.006794959489732219,
        0.00045648391922324086,
        1.818833668168956e-05,
        4.0999784818029795e-06,
        9.242089502428301e-07);
  }

  /** The ramp may be a step: rows so short that no pair turns once, and equal numbers of turns. */
  @Test
  void yarnWithoutRamp() {
    check(1e4, yarn(2, 4, 32, 1, true), 1.0, 0.05, 0.005, 0.0005);
    check(
        1e6,
        yarn(16, 32768, 8, 8, true),
        1.0,
        0.06309573444801932,
        0.003981071705534972,
        1.569929019693488e-05,
        9.905582452881953e-07);
  }

  @Test
  void factors() {
    assertEquals(1.138629436111989, Yarn.usualAttentionFactor(4), 1e-15);
    assertEquals(1.3465735902799727, Yarn.usualAttentionFactor(32), 1e-15);
    assertEquals(1, Yarn.usualAttentionFactor(1));
    // mscale 0.7 and mscale_all_dim 1.3
    double attention = Yarn.magnitude(40, 0.7) / Yarn.magnitude(40, 1.3);
    assertEquals(0.8504057857806258, attention, 1e-15);
    Yarn yarn = new Yarn(40, 4096, 32, 1, true, attention, 1.3);
    assertEquals(2.189081012565652, yarn.latentScoreFactor(), 1e-14);
    assertEquals(1, yarn(40, 4096, 32, 1, true).latentScoreFactor());
    for (RopeScaling plain :
        new RopeScaling[] {new RopeScaling.None(), new Linear(4), new Llama3(8, 1, 4, 32)}) {
      assertEquals(1, plain.attentionFactor());
      assertEquals(1, plain.latentScoreFactor());
    }
  }

  @Test
  void valuesThatCannotBeAreNamed() {
    refused("model.rope.factor", () -> new Linear(0.5));
    refused("model.rope.high_freq_factor", () -> new Llama3(8, 4, 4, 32));
    refused("model.rope.original_max_position_embeddings", () -> new Llama3(8, 1, 4, 0));
    refused("model.rope.beta_fast", () -> yarn(4, 64, 1, 2, true));
    refused("model.rope.attention_factor", () -> new Yarn(4, 64, 32, 1, true, 0, 0));
    refused("model.rope.mscale_all_dim", () -> new Yarn(4, 64, 32, 1, true, 1, -1));
    refused("model.rope_theta", () -> new RopeSpec(1, yarn(4, 64, 32, 1, true)));
  }

  private static void refused(String key, Supplier<Object> made) {
    String message = assertThrows(Invalid.class, made::get).getMessage();
    assertTrue(message.startsWith(key + ": "), message);
  }
}
