"""With whose credentials a job reaches the object store: the service's own, a mapped role's, or an assumed one's."""

from edgewright.roles.opening import open_roles
from edgewright.roles.roles import Roles, ServiceRole

__all__ = ["Roles", "ServiceRole", "open_roles"]
