"""Runs each project's app on Coolify: DnsConfigured -> AppDeployed, ProjectCancelled -> AppRemoved.

`application` ensures the app, `rollout` deploys it and judges the result, `deployments` watches all deployments with
one call, `removal` undoes. `coolify` is the API client, `budget` keeps the whole process within its request limit.
"""
