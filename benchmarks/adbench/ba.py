"""Bundle adjustment: how far the projections of points by cameras are from where they were seen.

The functions are of one observation. A camera is `[r0 r1 r2 c0 c1 c2 f u v k1 k2]`: a rotation as a vector, a centre, a
focal length, a principal point and two coefficients of distortion. No rotation of these inputs is zero, so no tool has
the branch for that.
"""


def cross(np, a, b):
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def rotated(np, r, x):
    """The point x turned about the axis r, by as many radians as it is long (the formula of Rodrigues)."""
    angle = np.sqrt(np.dot(r, r))
    axis, c = r / angle, np.cos(angle)
    return x * c + cross(np, axis, x) * np.sin(angle) + axis * (np.dot(axis, x) * (1 - c))


def projected(np, camera, point):
    seen = rotated(np, camera[:3], point - camera[3:6])
    p = seen[:2] / seen[2]
    square = np.dot(p, p)
    return p * (1 + camera[9] * square + camera[10] * square**2) * camera[6] + camera[7:9]


def residual(np, camera, point, weight, feature):
    """The two numbers of an observation that depend on its camera and point."""
    return weight * (projected(np, camera, point) - feature)


def residual_of_arrays(np, camera, point, weight, feature):
    """The same for all observations at once, as experts write it: each number an array of its own, and no axis short.

    `camera` holds 11 arrays, `point` 3 and `feature` 2; the result is two arrays.
    """
    r, centre, (f, u, v, k1, k2) = camera[:3], camera[3:6], camera[6:]
    x = [p - c for p, c in zip(point, centre, strict=True)]
    angle = np.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
    a, c, s = [q / angle for q in r], np.cos(angle), np.sin(angle)
    turned = a[1] * x[2] - a[2] * x[1], a[2] * x[0] - a[0] * x[2], a[0] * x[1] - a[1] * x[0]
    along = (a[0] * x[0] + a[1] * x[1] + a[2] * x[2]) * (1 - c)
    seen = [x[k] * c + turned[k] * s + a[k] * along for k in range(3)]
    p = seen[0] / seen[2], seen[1] / seen[2]
    square = p[0] * p[0] + p[1] * p[1]
    scale = (1 + k1 * square + k2 * square * square) * f
    return weight * (p[0] * scale + u - feature[0]), weight * (p[1] * scale + v - feature[1])


def residual_of_weight(weight):
    return 1 - weight**2
