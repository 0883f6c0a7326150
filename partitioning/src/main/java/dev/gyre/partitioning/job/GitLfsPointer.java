package dev.gyre.partitioning.job;

import java.nio.charset.StandardCharsets;

/**
 * Tells a Git LFS pointer from the file that a job names. A checkout without {@code git lfs} holds
 * such a pointer, a few lines of text, in place of a large file.
 *
 * <p>Source: the pointer specification, github.com/git-lfs/git-lfs, docs/spec.md.
 */
public final class GitLfsPointer {
  /** The problem and what to do, to be appended to the file's name. */
  public static final String PROBLEM = "is a Git LFS pointer, not the file: git lfs pull";

  /** Number of leading bytes of a file that {@link #matches} needs. */
  public static final int BYTES = 64;

  private static final byte[] VERSION =
      "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);

  private GitLfsPointer() {}

  /**
   * Whether a file is a pointer.
   *
   * @param beginning its first {@link #BYTES} bytes or more, fewer only of a shorter file
   */
  public static boolean matches(byte[] beginning) {
    if (beginning.length < VERSION.length) {
      return false;
    }
    for (int i = 0; i < VERSION.length; i++) {
      if (beginning[i] != VERSION[i]) {
        return false;
      }
    }
    return true;
  }
}
