"""Production from the ground up: a graph, its gradients as more graph, a session.

Run it: python examples/production_by_hand.py. The net of research_by_hand.py again, defined before anything runs. At
the end it is saved, and loaded without this file.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import production as tf


def main(steps: int = 300) -> float:
    """Train on 1,400 images, save the graph, and return the accuracy of what was loaded on the other 397."""
    images, digits = load_digits(return_X_y=True)
    images, even = images / 16, (digits % 2 == 0).astype("float32")

    with tf.Graph().as_default():
        tf.set_random_seed(0)
        x = tf.placeholder(tf.float32, shape=(None, 64), name="x")
        wanted = tf.placeholder(tf.float32, shape=(None,), name="wanted")
        hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)
        score = tf.squeeze(tf.layers.dense(hidden, 1), axis=1)
        loss = tf.losses.mean_squared_error(wanted, tf.nn.sigmoid(score))
        weights = tf.trainable_variables()
        slopes = tf.gradients(loss, weights)
        update = tf.group(*[w.assign(w - 2.0 * slope) for w, slope in zip(weights, slopes, strict=True)])

        with tf.Session() as session, tempfile.TemporaryDirectory() as folder:
            session.run(tf.global_variables_initializer())
            for step in range(steps):
                value, _ = session.run([loss, update], feed_dict={x: images[:1400], wanted: even[:1400]})
                if step % 100 == 0:
                    print(f"step {step:3d}  loss {value:.3f}")
            path = tf.save(Path(folder) / "even", session, {"x": x}, {"score": score}, {"x": images[:4]})
            says_even = tf.load(path).predict(images[1400:]) > 0

    accuracy = float(np.mean(says_even == even[1400:].astype(bool)))
    print(f"right on {accuracy:.1%} of the images it has not seen")
    return accuracy


if __name__ == "__main__":
    main()
