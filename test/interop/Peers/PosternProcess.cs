using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Postern.Interop.Peers;

/// <summary>The real program over a data directory of its own; it may die and be started again.</summary>
/// <remarks>Listeners take free ports, so that they differ from one start to the next.</remarks>
sealed partial class PosternProcess : IAsyncDisposable
{
    const string Listeners = """
        [[listen]]
        name = "mx"
        on   = "127.0.0.1:0"
        for  = "mx"

        [[listen]]
        name = "submission"
        on   = "127.0.0.1:0"
        for  = "submission"

        [[listen]]
        name = "submissions"
        on   = "127.0.0.1:0"
        for  = "submission"
        tls  = "immediate"

        [[listen]]
        name = "http"
        on   = "127.0.0.1:0"
        for  = "http"

        """;

    readonly TemporaryDirectory directory = new();
    readonly Dictionary<string, int> ports = [];
    readonly string? data;
    Daemon? daemon;

    /// <param name="data">Null: a directory of its own, gone with it.</param>
    public PosternProcess(string settings, string? data = null)
    {
        Settings = settings;
        this.data = data;
    }

    /// <summary>Tables of postern.toml after the listeners; written at start and by
    /// <see cref="ReloadAsync"/>.</summary>
    public string Settings { get; set; }

    public string Hostname { get; init; } = "postern.test";
    public string LogFormat { get; init; } = "json";
    public string Data => data ?? directory.PathOf(IsSandbox ? "state/postern" : "data");

    /// <summary>Without a configuration: its data lies in a state directory of its own, its ports are
    /// those of every sandbox.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>Signs in to the dashboard, once, as long as there are no users. Null: there are
    /// some.</summary>
    public string? DashboardLink { get; private set; }

    /// <summary>Of the pages.</summary>
    public Uri Root => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port("http")}/"));

    /// <summary>Put before the program's own command line: strace, setpriv.</summary>
    public IReadOnlyList<string> Wrapper { get; init; } = [];

    public Dictionary<string, string> Environment { get; } = [];
    public TemporaryDirectory Directory => directory;
    public string LogFile => directory.PathOf("log/postern.log");
    public string ConfigurationFile => directory.PathOf("postern.toml");
    public string Said => daemon?.Said + "\n" + (File.Exists(LogFile) ? Tail(LogFile) : "");
    public bool HasExited => daemon is null || daemon.HasExited;
    public int Port(string listener) => ports[listener];

    /// <summary>Where the dashboard is; the scheme is the listener's name.</summary>
    public Uri Dashboard(string listener = "http") =>
        new(string.Create(CultureInfo.InvariantCulture, $"{listener}://127.0.0.1:{Port(listener)}/"));

    /// <summary>How many files the process has open.</summary>
    public int Descriptors =>
        System.IO.Directory.GetFileSystemEntries($"/proc/{daemon!.Id}/fd").Length;

    /// <summary>How many of them are sockets.</summary>
    public int Sockets => System.IO.Directory.EnumerateFileSystemEntries($"/proc/{daemon!.Id}/fd")
        .Count(one => new FileInfo(one).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) is true);

    public int ResidentKibibytes => StatusOf("VmRSS");

    public int PeakResidentKibibytes => StatusOf("VmHWM");

    /// <summary>The built program of the same configuration as these tests.</summary>
    public static string Program
    {
        get
        {
            var configuration = AppContext.BaseDirectory.TrimEnd('/').Split('/')[^2];
            var path = Path.Combine(Tool.Root, "src/Postern/bin", configuration, "net10.0/postern");
            Assert.True(File.Exists(path), $"{path} is not built");
            return path;
        }
    }

    public static async Task<PosternProcess> StartAsync(string settings)
    {
        var postern = new PosternProcess(settings);
        await postern.StartAsync();
        return postern;
    }

    public async Task StartAsync(int seconds = 30)
    {
        if (IsSandbox)
            RequireSandbox();
        else
            WriteConfiguration();
        var ready = directory.PathOf("ready.json");
        File.Delete(ready);
        string[] where = IsSandbox ? [] : ["--config", ConfigurationFile];
        string[] line = [.. Wrapper, Program, "serve", .. where, "--ready-file", ready];
        daemon = new Daemon(line[0], line[1..], Environment);
        await Eventually.TrueAsync(
            () => File.Exists(ready) || daemon.HasExited, "postern is ready", seconds, () => Said);
        Assert.True(File.Exists(ready), "postern ended before it was ready:\n" + Said);
        ReadPorts(ready);
    }

    /// <summary>SIGKILL: no flush, no farewell.</summary>
    public Task KillAsync() => daemon!.KillAsync();

    public Task FreezeAsync() => daemon!.FreezeAsync();

    /// <summary>SIGTERM; fails when it has not ended after so many seconds.</summary>
    public Task StopAsync(int seconds = 15) => daemon!.StopAsync(seconds);

    /// <summary>Writes <see cref="Settings"/> and has the running program read them.</summary>
    public async Task ReloadAsync(string settings)
    {
        Settings = settings;
        WriteConfiguration();
        (await CommandAsync("reload")).Succeeded();
    }

    public Task<Command> CommandAsync(params string[] arguments) => CommandAsync(arguments, input: null);

    public Task<Command> CommandAsync(string[] arguments, byte[]? input) =>
        Command.RunAsync(Program, [arguments[0], "--config", ConfigurationFile, .. arguments[1..]], input);

    /// <summary>The admin API with the token of the data directory.</summary>
    public HttpClient OpenAdmin() => new()
    {
        BaseAddress = new Uri(Root, "admin/v1/"),
        DefaultRequestHeaders =
        {
            Authorization = new("Bearer", File.ReadAllText(Path.Combine(Data, "admin.token")).Trim()),
        },
    };

    /// <summary>Whether <c>postern_alarms</c> of /metrics shows one whose kind has this word.</summary>
    public async Task<bool> HasAlarmAsync(string kind = "")
    {
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(
            new Uri($"http://127.0.0.1:{Port("http")}/metrics"), TestContext.Current.CancellationToken);
        return AlarmLine().Matches(metrics).Any(
            line => line.Groups["labels"].Value.Contains(kind, StringComparison.OrdinalIgnoreCase)
                && line.Groups["count"].Value != "0");
    }

    public Task AlarmAsync(string kind = "") =>
        Eventually.TrueAsync(() => HasAlarmAsync(kind), $"an alarm of kind \"{kind}\"", evidence: () => Said);

    /// <summary>How many sockets there are once their number stays the same.</summary>
    public async Task<int> SettledSocketsAsync()
    {
        var before = -1;
        await Eventually.TrueAsync(
            () => before == (before = Sockets), "the sockets settle", evidence: () => $"{before}");
        return before;
    }

    int StatusOf(string field) => int.Parse(
        File.ReadLines($"/proc/{daemon!.Id}/status")
            .First(line => line.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ')[^2],
        CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }

    /// <summary>A port of 127.0.0.1 that nobody has at this moment.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        return ((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Writes <see cref="Settings"/>; a running program goes on with what it has read.</summary>
    public void WriteConfiguration()
    {
        directory.MakeDirectory("log");
        directory.Write("postern.toml", string.Create(CultureInfo.InvariantCulture, $"""
            hostname = "{Hostname}"
            data = "{Data}"

            {Listeners}
            [log]
            format = "{LogFormat}"
            file = "{LogFile}"

            {Settings}
            """));
        if (Wrapper.Contains("nobody"))
            Command.RunAsync("/bin/chown", "-R", "nobody", directory.FullPath).Wait();
    }

    void ReadPorts(string ready)
    {
        ports.Clear();
        using var document = JsonDocument.Parse(File.ReadAllBytes(ready));
        foreach (var listener in document.RootElement.GetProperty("listeners").EnumerateArray())
            ports[listener.GetProperty("name").GetString()!] = listener.GetProperty("port").GetInt32();
        DashboardLink = document.RootElement.TryGetProperty("dashboard", out var link)
            ? link.GetString() : null;
    }

    void RequireSandbox()
    {
        Assert.SkipWhen(
            File.Exists("/etc/postern/postern.toml"), "this machine has a postern.toml: that is no sandbox");
        int[] ports = [2525, 2526, 2587, 8025];
        var taken = System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties()
            .GetActiveTcpListeners().Select(one => one.Port).Intersect(ports).ToList();
        Assert.SkipWhen(
            taken.Count > 0, $"the ports of the sandbox are fixed, and taken: {string.Join(", ", taken)}");
        Environment["XDG_STATE_HOME"] = directory.MakeDirectory("state");
        Environment["POSTERN_CONFIG"] = "";
    }

    static string Tail(string path) => string.Join('\n', File.ReadLines(path).TakeLast(40));

    [GeneratedRegex(@"^postern_alarms(?:\{(?<labels>[^}]*)\})? (?<count>\S+)", RegexOptions.Multiline)]
    private static partial Regex AlarmLine();
}
