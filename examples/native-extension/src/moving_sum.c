/* The sums of neighbouring integers. pure.py says the same in Python, and the tests compare the two. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>

/* Take the integer at an index of a list; on failure -1, with a Python exception set. */
// --8<-- [start:item]
static int item(PyObject *list, Py_ssize_t index, long long *value)
{
    PyObject *borrowed = PyList_GetItem(list, index);
    if (borrowed == NULL)
        return -1;
    *value = PyLong_AsLongLong(borrowed);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

// --8<-- [end:item]
/* Add to a sum; on overflow, which C leaves undefined, -1 with a Python exception set. */
static int add(long long *sum, long long value)
{
    if (value > 0 ? *sum > LLONG_MAX - value : *sum < LLONG_MIN - value) {
        PyErr_SetString(PyExc_OverflowError, "a sum has more than 64 bits");
        return -1;
    }
    *sum += value;
    return 0;
}

static PyObject *sums_of(PyObject *list, Py_ssize_t window)
{
    Py_ssize_t size = PyList_Size(list);
    PyObject *sums = PyList_New(0);
    if (sums == NULL)
        return NULL;
    for (Py_ssize_t start = 0; start <= size - window; start++) {
        long long sum = 0, value;
        if (PyErr_CheckSignals() < 0) /* Ctrl+C */
            goto failed;
        for (Py_ssize_t index = start; index < start + window; index++)
            if (item(list, index, &value) < 0 || add(&sum, value) < 0)
                goto failed;
        PyObject *number = PyLong_FromLongLong(sum);
        if (number == NULL || PyList_Append(sums, number) < 0) {
            Py_XDECREF(number);
            goto failed;
        }
        Py_DECREF(number);
    }
    return sums;
failed:
    Py_DECREF(sums);
    return NULL;
}

// --8<-- [start:moving_sum]
static PyObject *moving_sum(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *values;
    Py_ssize_t window;
    if (!PyArg_ParseTuple(arguments, "On:moving_sum", &values, &window))
        return NULL; /* the TypeError or OverflowError is set already */
    if (window < 1) {
        PyErr_SetString(PyExc_ValueError, "window must be 1 or more");
        return NULL;
    }
    PyObject *list = PySequence_List(values); /* our own: nobody changes it meanwhile */
    if (list == NULL)
        return NULL;
    PyObject *sums = sums_of(list, window);
    Py_DECREF(list);
    return sums;
}
// --8<-- [end:moving_sum]

static PyMethodDef functions[] = {
    {"moving_sum", moving_sum, METH_VARARGS, "moving_sum(values, window, /)\n--\n\nReturn the sums of neighbours."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "native_extension._native",
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
