using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Transports;

namespace Postern.Tests.Transports;

public sealed class CachedResolverTests
{
    readonly FakeTimeProvider clock = new();
    readonly ScriptedSource source = new();
    readonly CachedResolver resolver;

    public CachedResolverTests() => resolver = new CachedResolver(source, clock, new Random(1));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(LookupOutcome.Found, 60, 60)]
    [InlineData(LookupOutcome.Found, 0, 1)]
    [InlineData(LookupOutcome.Found, 86_400, 3600)]
    [InlineData(LookupOutcome.NoRecords, 30, 30)]
    [InlineData(LookupOutcome.NoSuchName, 86_400, 300)]
    [InlineData(LookupOutcome.NoSuchName, null, 1)]
    [InlineData(LookupOutcome.Unknown, null, 5)]
    public async Task Answer_IsKeptAsLongAsItMayBe(LookupOutcome outcome, int? told, int seconds)
    {
        source.Text = _ => new TextLookup(outcome, outcome == LookupOutcome.Found ? ["a"] : [])
        {
            TimeToLive = told is { } value ? TimeSpan.FromSeconds(value) : null,
        };
        Assert.Equal(outcome, (await resolver.LookupTextAsync("d.example", Cancel)).Outcome);
        clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(outcome, (await resolver.LookupTextAsync("d.example", Cancel)).Outcome);
        Assert.Single(source.Asked);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await resolver.LookupTextAsync("d.example", Cancel);
        Assert.Equal(2, source.Asked.Count);
    }

    [Fact]
    public async Task Question_InAnotherSpelling_IsTheSame()
    {
        await resolver.LookupTextAsync("d.example", Cancel);
        await resolver.LookupTextAsync("D.Example.", Cancel);
        Assert.Equal(["TXT d.example"], source.Asked);
    }

    [Fact]
    public async Task Questions_OfOneNameAndOtherTypes_AreOthers()
    {
        await resolver.LookupTextAsync("d.example", Cancel);
        await resolver.LookupMxAsync("d.example", Cancel);
        await resolver.LookupAddressesAsync("d.example", Cancel);
        await resolver.LookupAddressesAsync("d.example", AddressFamily.InterNetworkV6, Cancel);
        await resolver.LookupNamesAsync(IPAddress.Parse("192.0.2.1"), Cancel);
        await resolver.LookupNamesAsync(IPAddress.Parse("::ffff:192.0.2.1"), Cancel);
        await resolver.LookupNamesAsync(IPAddress.Parse("192.0.2.2"), Cancel);
        Assert.Equal(
            ["TXT d.example", "MX d.example", "A d.example", "AAAA d.example", "PTR 192.0.2.1",
                "PTR 192.0.2.2"],
            source.Asked);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a..example")]
    [InlineData(".example")]
    [InlineData("a\nb.example")]
    [InlineData("a\0.example")]
    [InlineData("@64@.example")]
    [InlineData("@63@.@63@.@63@.@63@")]
    public async Task Name_ThatIsNone_IsNeverAsked(string name)
    {
        name = Lengthened(name);
        Assert.Equal(LookupOutcome.NoSuchName, (await resolver.LookupTextAsync(name, Cancel)).Outcome);
        Assert.Equal(LookupOutcome.NoSuchName, (await resolver.LookupMxAsync(name, Cancel)).Outcome);
        Assert.Equal(LookupOutcome.NoSuchName, (await resolver.LookupAddressesAsync(name, Cancel)).Outcome);
        Assert.Empty(source.Asked);
    }

    [Theory]
    [InlineData("@63@.example")]
    [InlineData("@63@.@63@.@63@.@61@")]
    [InlineData("_dmarc.d-1.example")]
    public async Task Name_AtTheLimit_IsAsked(string name)
    {
        await resolver.LookupTextAsync(Lengthened(name), Cancel);
        Assert.Single(source.Asked);
    }

    [Fact]
    public async Task EqualQuestions_AtTheSameTime_AreAskedOnce()
    {
        source.Hold();
        var first = resolver.LookupTextAsync("d.example", Cancel).AsTask();
        var second = resolver.LookupTextAsync("D.example", Cancel).AsTask();
        source.Release();
        Assert.Same(await first, await second);
        Assert.Single(source.Asked);
    }

    [Fact]
    public async Task Caller_WhoStopsWaiting_StopsNobodyElse()
    {
        source.Hold();
        using var impatient = new CancellationTokenSource();
        var first = resolver.LookupTextAsync("d.example", impatient.Token).AsTask();
        var second = resolver.LookupTextAsync("d.example", Cancel).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.False(second.IsCompleted);
        source.Release();
        Assert.Equal(LookupOutcome.Found, (await second).Outcome);
    }

    [Fact]
    public async Task Questions_BeyondTheRoom_WaitForIt()
    {
        source.Hold();
        Task<TextLookup>[] all = [.. Enumerable.Range(0, CachedResolver.InFlightMax + 1)
            .Select(i => resolver.LookupTextAsync(NameOf(i), Cancel).AsTask())];
        Assert.Equal(CachedResolver.InFlightMax, source.Asked.Count);
        source.Release();
        Assert.All(await Task.WhenAll(all), found => Assert.Equal(LookupOutcome.Found, found.Outcome));
        Assert.Equal(all.Length, source.Asked.Count);
    }

    [Fact]
    public async Task Question_ThatFindsNoRoom_IsUnknownInTheEnd()
    {
        source.Hold();
        var all = Enumerable.Range(0, CachedResolver.InFlightMax + 1)
            .Select(i => resolver.LookupTextAsync(NameOf(i), Cancel).AsTask()).ToArray();
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(LookupOutcome.Unknown, (await all[^1]).Outcome);
        source.Release();
        await Task.WhenAll(all);
        Assert.Equal(CachedResolver.InFlightMax, source.Asked.Count);
    }

    [Fact]
    public async Task Questions_BeyondAllLimits_AreUnknownAtOnce()
    {
        source.Hold();
        var all = Enumerable.Range(0, CachedResolver.AskedMax)
            .Select(i => resolver.LookupTextAsync(NameOf(i), Cancel).AsTask()).ToArray();
        var beyond = resolver.LookupTextAsync("one-more.example", Cancel);
        Assert.True(beyond.IsCompletedSuccessfully);
        Assert.Equal(LookupOutcome.Unknown, (await beyond).Outcome);
        source.Release();
        await Task.WhenAll(all);
        // It was not kept either.
        Assert.Equal(
            LookupOutcome.Found, (await resolver.LookupTextAsync("one-more.example", Cancel)).Outcome);
    }

    [Fact]
    public async Task FullCache_LosesTheOldestThatNobodyWanted()
    {
        for (var i = 0; i < CachedResolver.EntriesMax; i++)
            await resolver.LookupTextAsync(NameOf(i), Cancel);
        await resolver.LookupTextAsync(NameOf(0), Cancel);
        Assert.Equal(CachedResolver.EntriesMax, source.Asked.Count);
        await resolver.LookupTextAsync("one-more.example", Cancel);
        await resolver.LookupTextAsync(NameOf(0), Cancel);
        await resolver.LookupTextAsync(NameOf(2), Cancel);
        Assert.Equal(CachedResolver.EntriesMax + 1, source.Asked.Count);
        await resolver.LookupTextAsync(NameOf(1), Cancel);
        Assert.Equal(CachedResolver.EntriesMax + 2, source.Asked.Count);
    }

    [Fact]
    public async Task LargeAnswers_FillTheCacheByTheirSize()
    {
        source.Text = _ => Found(new string('x', 30_000));
        var room = (int)(CachedResolver.OctetsMax / 60_000);
        for (var i = 0; i <= room; i++)
            await resolver.LookupTextAsync(NameOf(i), Cancel);
        await resolver.LookupTextAsync(NameOf(room), Cancel);
        Assert.Equal(room + 1, source.Asked.Count);
        await resolver.LookupTextAsync(NameOf(0), Cancel);
        Assert.Equal(room + 2, source.Asked.Count);
    }

    [Fact]
    public async Task HugeAnswer_IsPassedOnAndNotKept()
    {
        source.Text = _ => Found(new string('x', CachedResolver.AnswerOctetsMax));
        Assert.Equal(LookupOutcome.Found, (await resolver.LookupTextAsync("d.example", Cancel)).Outcome);
        await resolver.LookupTextAsync("d.example", Cancel);
        Assert.Equal(2, source.Asked.Count);
    }

    [Fact]
    public async Task MailHosts_OfEqualPreference_TakeTurnsFromTheCache()
    {
        source.Mx = new MxLookup(
            LookupOutcome.Found, [new MxHost("a", 1), new MxHost("b", 1), new MxHost("c", 2)])
        {
            TimeToLive = TimeSpan.FromMinutes(1),
        };
        var orders = new HashSet<string>();
        for (var i = 0; i < 64; i++)
        {
            var found = await resolver.LookupMxAsync("d.example", Cancel);
            orders.Add(string.Concat(found.Hosts.Select(host => host.Name)));
        }
        Assert.Equal(["abc", "bac"], orders.Order(StringComparer.Ordinal));
        Assert.Single(source.Asked);
    }

    [Fact]
    public async Task Bug_OfTheSource_IsSeenAndNotKept()
    {
        source.Text = _ => throw new InvalidOperationException("bug");
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => resolver.LookupTextAsync("d.example", Cancel).AsTask());
        source.Text = _ => Found("a");
        Assert.Equal(["a"], (await resolver.LookupTextAsync("d.example", Cancel)).Texts);
    }

    static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"n{number}.example");

    /// <summary><c>@63@</c> is a label of so many letters.</summary>
    static string Lengthened(string name) => name
        .Replace("@64@", new string('a', 64), StringComparison.Ordinal)
        .Replace("@63@", new string('b', 63), StringComparison.Ordinal)
        .Replace("@61@", new string('c', 61), StringComparison.Ordinal);

    static TextLookup Found(string text) =>
        new(LookupOutcome.Found, [text]) { TimeToLive = TimeSpan.FromHours(1) };

    /// <summary>Answers as told, at once or when it is let go.</summary>
    sealed class ScriptedSource : IResolver
    {
        static readonly TimeSpan Hour = TimeSpan.FromHours(1);
        readonly Lock gate = new();
        Task held = Task.CompletedTask;
        TaskCompletionSource? release;

        public List<string> Asked { get; } = [];

        public Func<string, TextLookup> Text { get; set; } = _ => Found("a");

        public MxLookup Mx { get; set; } = new(LookupOutcome.NoRecords, []) { TimeToLive = Hour };

        public void Hold()
        {
            release = new(TaskCreationOptions.RunContinuationsAsynchronously);
            held = release.Task;
        }

        public void Release() => release!.SetResult();

        public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
        {
            await NoteAsync($"MX {domain}");
            return Mx;
        }

        public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
            throw new NotSupportedException("families are asked for one by one");

        public async ValueTask<AddressLookup> LookupAddressesAsync(
            string host, AddressFamily family, CancellationToken cancel)
        {
            await NoteAsync($"{(family == AddressFamily.InterNetwork ? "A" : "AAAA")} {host}");
            return new AddressLookup(LookupOutcome.NoRecords, []) { TimeToLive = Hour };
        }

        public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
        {
            await NoteAsync($"TXT {name}");
            return Text(name);
        }

        public async ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
        {
            await NoteAsync($"PTR {(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}");
            return new NameLookup(LookupOutcome.NoRecords, []) { TimeToLive = Hour };
        }

        Task NoteAsync(string question)
        {
            lock (gate)
                Asked.Add(question);
            return held;
        }
    }
}
