"""Whose rights a job has on the object store: the service's own, a mapped role, or an assumed one."""
