package dev.gyre.kernels;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;

/**
 * One call of a kernel as a value, for those that treat all kernels alike: to count, time, delay or
 * leave them out. It allocates, so it has no place in a training step.
 *
 * @param method of {@link Kernels}
 * @param arguments as the caller gave them, not copied
 */
public record KernelCall(Method method, Object[] arguments) {
  /** Kernels whose every call is handed to the receiver, which decides what becomes of it. */
  public static Kernels receivedBy(Consumer<KernelCall> receiver) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (self, method, arguments) -> {
              if (method.getDeclaringClass() == Object.class) {
                return ofAnyObject(self, method, arguments);
              }
              receiver.accept(
                  new KernelCall(method, arguments == null ? new Object[0] : arguments));
              return null;
            });
  }

  @SuppressWarnings("ReferenceEquality") // such kernels equal only themselves
  private static Object ofAnyObject(Object self, Method method, Object[] arguments) {
    return switch (method.getName()) {
      case "equals" -> self == arguments[0];
      case "hashCode" -> System.identityHashCode(self);
      default -> "kernels whose calls are received";
    };
  }

  /** The kernel's name, as in {@link Kernels}. */
  public String kernel() {
    return method.getName();
  }

  /** Makes the call. What the kernel throws comes through as it is. */
  public void on(Kernels kernels) {
    try {
      method.invoke(kernels, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case RuntimeException exception -> throw exception;
        case Error error -> throw error;
        case null, default -> throw new AssertionError(kernel(), e); // no kernel declares one
      }
    } catch (IllegalAccessException e) {
      throw new AssertionError(kernel(), e);
    }
  }
}
