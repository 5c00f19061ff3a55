using BenchmarkDotNet.Running;

// A name that does not begin like an option means all benchmarks whose full name contains it; none means all.
string[] arguments = args is [var name, .. var rest] && !name.StartsWith('-')
    ? ["--filter", $"*{name}*", .. rest]
    : ["--filter", "*", .. args];
var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments).ToList();
return summaries.Count > 0 && summaries.TrueForAll(
    summary => !summary.HasCriticalValidationErrors && summary.Reports.All(report => report.Success)) ? 0 : 1;
