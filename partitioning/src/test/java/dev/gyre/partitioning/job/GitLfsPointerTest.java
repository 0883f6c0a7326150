package dev.gyre.partitioning.job;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class GitLfsPointerTest {
  private static boolean matches(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return GitLfsPointer.matches(Arrays.copyOf(bytes, Math.min(bytes.length, GitLfsPointer.BYTES)));
  }

  @Test
  void onlyAPointerMatches() {
    assertTrue(matches("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"));
    assertTrue(matches("version https://git-lfs.github.com/spec/v2"));
    assertFalse(matches("version https://git-lfs.github.com/"));
    assertFalse(matches("version 2 of a story, which is long enough to be a pointer"));
    assertFalse(matches("{}"));
    assertFalse(matches(""));
  }
}
