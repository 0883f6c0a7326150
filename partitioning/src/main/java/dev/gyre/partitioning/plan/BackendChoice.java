package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import java.util.ArrayList;
import java.util.List;

/**
 * The backend and compute dtype of a job: the only place that decides what {@code auto} means. The
 * planner, a worker that opens its backend before there is a plan, and commands that compute in
 * their own process all ask it.
 *
 * @param backend an available one
 * @param dtype {@code bf16} or {@code f32}, one of the backend's
 */
public record BackendChoice(WorkerCapabilities.Backend backend, String dtype) {
  /** A backend or dtype that {@link #choose} replaces. */
  public static final String AUTO = "auto";

  private static final String BF16 = "bf16";
  private static final String F32 = "f32";

  public String name() {
    return backend.name();
  }

  /**
   * A named backend is used, or is an error; no other backend replaces it. {@code auto} is the
   * first available one that computes the dtype. {@code dtype: auto} is bf16 where the backend
   * multiplies it natively, else f32.
   *
   * @param wanted a backend's name or {@code auto}
   * @param dtype {@code bf16}, {@code f32} or {@code auto}
   * @param offers all backends, most preferred first, unavailable ones included
   * @throws Invalid for {@code backend} or {@code train.dtype}, listing what is available
   */
  public static BackendChoice choose(
      String wanted, String dtype, List<WorkerCapabilities.Backend> offers) {
    List<String> available = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    for (WorkerCapabilities.Backend offer : offers) {
      BackendChoice choice = new BackendChoice(offer, resolve(dtype, offer));
      if (wanted.equals(offer.name())) {
        choice.check(offers);
        return choice;
      }
      if (wanted.equals(AUTO) && choice.isPossible()) {
        return choice;
      }
      if (offer.available()) {
        available.add(offer.name() + " (" + String.join(", ", offer.dtypes()) + ")");
      } else {
        reasons.add(offer.name() + ": " + offer.unavailable());
      }
    }
    String here = available.isEmpty() ? "none" : String.join(", ", available);
    String why = reasons.isEmpty() ? "" : "; not available: " + String.join("; ", reasons);
    if (wanted.equals(AUTO)) {
      throw new Invalid(
          "backend",
          "auto finds none that computes %s. Available: %s%s".formatted(dtype, here, why));
    }
    throw new Invalid("backend", "'%s' is not known. Available: %s%s".formatted(wanted, here, why));
  }

  private static String resolve(String dtype, WorkerCapabilities.Backend offer) {
    if (!dtype.equals(AUTO)) {
      return dtype;
    }
    return offer.nativeDtypes().contains(BF16) && offer.dtypes().contains(BF16) ? BF16 : F32;
  }

  private boolean isPossible() {
    return backend.available() && backend.dtypes().contains(dtype);
  }

  private void check(List<WorkerCapabilities.Backend> offers) {
    if (!backend.available()) {
      List<String> others =
          offers.stream()
              .filter(WorkerCapabilities.Backend::available)
              .map(WorkerCapabilities.Backend::name)
              .toList();
      throw new Invalid(
          "backend",
          "'%s' cannot be used here: %s. Use %s."
              .formatted(
                  backend.name(),
                  backend.unavailable(),
                  others.isEmpty() ? "another machine" : "auto or " + String.join(" or ", others)));
    }
    if (!isPossible()) {
      throw new Invalid(
          "train.dtype",
          "'%s' is not among what backend %s computes (%s). Use auto, or another backend."
              .formatted(dtype, backend.name(), String.join(", ", backend.dtypes())));
    }
  }
}
