/** What a model needs from the other ranks of its run. With one rank each is the identity. */
@NullMarked
package dev.gyre.model.port;

import org.jspecify.annotations.NullMarked;
