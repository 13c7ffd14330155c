"""Whether others keep the contracts: live traffic is watched for drift, an integrator's consumer is rehearsed with."""
