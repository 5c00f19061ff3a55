using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Webhooks;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports.Claims;

/// <summary>Both kinds of buckets against a store that looks at everything, and is out of order on
/// command.</summary>
public sealed class ClaimBucketTests : IAsyncLifetime
{
    const string Key = "in/000000000YGJ0.eml";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("buckets");
    readonly ClaimLinks links = new(TimeProvider.System);
    ObjectServer server = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => server = await ObjectServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("gs")]
    [InlineData("s3")]
    public async Task Message_Of20Megabytes_LiesThereWholeAndIsReferredTo(string scheme)
    {
        using var store = Open(scheme);
        var octets = Octets(20_000_000);
        var ready = Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, octets));
        var there = Assert.Single(server.Objects);
        Assert.Equal(Key, there.Key);
        Assert.True(octets.AsSpan().SequenceEqual(there.Value.Octets));
        var sum = Convert.ToHexStringLower(SHA256.HashData(octets));
        Assert.Equal((sum, sum), (ready.Content.Sha256, there.Value.Sha256));
        Assert.Equal(
            ($"{scheme}://{ObjectServer.Bucket}/{Key}", scheme == "gs" ? "101" : null, null),
            (ready.Content.Claim!.Address, ready.Content.Claim.Generation, ready.Content.Claim.ExpiresAt));
        Assert.Equal("big", ready.Mail.Header.TextOf("Subject"));
        Assert.Empty(ready.Content.Octets);
    }

    [Theory]
    [InlineData("gs", "POST 200, GET 200")]
    [InlineData("s3", "PUT 200, HEAD 200")]
    public async Task Message_StoredAgain_IsLookedForAndNotSent(string scheme, string calls)
    {
        using var store = Open(scheme);
        var first = Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, Octets(5000)));
        var second = Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, Octets(5000)));
        Assert.Equal(first.Content.Claim, second.Content.Claim);
        Assert.Equal(calls, string.Join(", ", server.Calls));
    }

    [Theory]
    [InlineData("gs", "POST 200, POST 412, GET 200")]
    [InlineData("s3", "PUT 200, PUT 412, HEAD 200")]
    public async Task Message_OfAnotherProcess_IsFoundAndCompared(string scheme, string calls)
    {
        using (var before = Open(scheme))
            await StoreAsync(before, Octets(5000));
        using var store = Open(scheme);
        Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, Octets(5000)));
        Assert.Equal(calls, string.Join(", ", server.Calls));
    }

    [Theory]
    [InlineData("gs")]
    [InlineData("s3")]
    public async Task Object_ThatIsAnotherMessage_IsNeverReplaced(string scheme)
    {
        using (var other = Open(scheme))
            await StoreAsync(other, Octets(4999));
        using var store = Open(scheme);
        var down = await DownAsync(store, Octets(5000));
        Assert.Equal((NextHopTrouble.Refusing, "claims"), (down.Trouble, down.Alarm?.Kind));
        Assert.Contains("another message", down.Text, StringComparison.Ordinal);
        Assert.Equal(4999, server.Objects[Key].Octets.Length);
    }

    [Theory]
    [InlineData("gs")]
    [InlineData("s3")]
    public async Task LostAnswer_IsAnOutage_AndTheObjectIsFoundAtTheNextTry(string scheme)
    {
        using var store = Open(scheme);
        server.LosesAnswers = true;
        var down = await DownAsync(store, Octets(5000));
        Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
        server.LosesAnswers = false;
        Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, Octets(5000)));
        Assert.Equal(1, server.Calls.Count(static call => call is "POST 200" or "PUT 200"));
    }

    [Theory]
    [InlineData("gs")]
    [InlineData("s3")]
    public async Task Connection_CutInTheMiddle_LeavesNothing(string scheme)
    {
        using var store = Open(scheme);
        server.Fault = static async context =>
        {
            await context.Request.Body.ReadExactlyAsync(new byte[100_000]);
            context.Abort();
            return true;
        };
        var down = await DownAsync(store, Octets(5_000_000));
        Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
        Assert.Empty(server.Objects);
    }

    [Theory]
    [InlineData(408, false)]
    [InlineData(409, false)]
    [InlineData(429, false)]
    [InlineData(500, false)]
    [InlineData(503, false)]
    [InlineData(301, true)]
    [InlineData(307, true)]
    [InlineData(400, true)]
    [InlineData(401, true)]
    [InlineData(403, true)]
    [InlineData(404, true)]
    [InlineData(413, true)]
    public async Task Answer_OfEveryKind_IsTheNextHopsBlame(int status, bool hasAlarm)
    {
        server.Fault = context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            context.Response.Headers.RetryAfter = "7";
            return Task.FromResult(true);
        };
        foreach (var scheme in (string[])["gs", "s3"])
        {
            using var store = Open(scheme);
            var down = await DownAsync(store, Octets(5000));
            Assert.Equal(hasAlarm ? NextHopTrouble.Refusing : NextHopTrouble.Unreachable, down.Trouble);
            Assert.Equal(hasAlarm ? "claims" : null, down.Alarm?.Kind);
            Assert.Equal(hasAlarm ? null : TimeSpan.FromSeconds(7), down.RetryAfter);
        }
        Assert.Equal(["POST fault", "PUT fault"], server.Calls);
    }

    [Fact]
    public async Task GoogleQuota_ThatComesAsARefusal_IsAnOutage()
    {
        server.Fault = static async context =>
        {
            var (status, body) = ObjectServer.GoogleError(403, "rateLimitExceeded");
            context.Response.StatusCode = status;
            await context.Response.WriteAsync(body);
            return true;
        };
        using var store = Open("gs");
        Assert.Null((await DownAsync(store, Octets(5000))).Alarm);
    }

    [Theory]
    [InlineData("gs", "gs://other-bucket")]
    [InlineData("s3", "s3://other-bucket")]
    public async Task Bucket_ThatIsMissing_IsAnOperatorsCase(string scheme, string bucket)
    {
        using var store = Open(scheme, bucket);
        var down = await DownAsync(store, Octets(5000));
        Assert.Contains("create the bucket other-bucket", down.Alarm!.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secret_ThatIsWrong_IsAnOperatorsCase()
    {
        using var store = Open("s3", login: $"{ObjectServer.Key}:wrong");
        var down = await DownAsync(store, Octets(5000));
        Assert.Contains("SignatureDoesNotMatch", down.Text, StringComparison.Ordinal);
        Assert.Contains("claim-login", down.Alarm!.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_WithoutConditions_GetsTheObjectAllTheSame()
    {
        server.KnowsNoConditions = true;
        using var store = Open("s3");
        Assert.IsType<DescribedMail.Ready>(await StoreAsync(store, Octets(5000)));
        Assert.Equal(["PUT 501", "PUT 200"], server.Calls);
    }

    [Fact]
    public async Task Object_ThatIsSpoiltInTheStore_IsSeenInTheAnswer()
    {
        server.Spoils = true;
        using var store = Open("gs");
        Assert.Equal("claims", (await DownAsync(store, Octets(5000))).Alarm?.Kind);
    }

    [Fact]
    public async Task Nobody_Listening_IsAnOutage()
    {
        string[] schemes = ["gs", "s3"];
        var stores = schemes.Select(scheme => Open(scheme)).ToArray();
        await server.DisposeAsync();
        foreach (var store in stores)
        {
            using var ended = store;
            var down = await DownAsync(store, Octets(5000));
            Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
        }
        server = await ObjectServer.StartAsync();
    }

    [Fact]
    public async Task PrivateAddress_IsNotConnectedTo()
    {
        using var store = Open("s3", handler: Targets.MakeHandler());
        var down = await DownAsync(store, Octets(5000));
        Assert.Contains("address is not allowed", down.Text, StringComparison.Ordinal);
        Assert.Empty(server.Calls);
    }

    [Fact]
    public async Task Server_ThatStops_ProvesNothing()
    {
        using var stop = new CancellationTokenSource();
        server.Fault = async context =>
        {
            await stop.CancelAsync();
            context.Abort();
            return true;
        };
        using var store = Open("s3");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await store.DescribeAsync(Attempt(Octets(5000)), 0, stop.Token));
    }

    [Fact]
    public async Task Message_UpToTheLimit_IsNotStored()
    {
        using var store = Open("s3");
        var described = await store.DescribeAsync(Attempt(Octets(5000)), 5000, Cancel);
        Assert.Equal(5000, Assert.IsType<DescribedMail.Ready>(described).Content.Octets.Length);
        Assert.Empty(server.Calls);
    }

    static WebTargets Targets => new(new FakeResolver(), static () => new PosternOptions());

    static Attempt Attempt(byte[] octets) => AttemptOf.Octets(octets, AttemptOf.Sender, "a@b.example");

    static byte[] Octets(int length)
    {
        var octets = new byte[length];
        new Random(length).NextBytes(octets);
        "Subject: big\r\n\r\n"u8.CopyTo(octets);
        return octets;
    }

    static async Task<AttemptResult.NextHopDown> DownAsync(ClaimStore store, byte[] octets) =>
        Assert.IsType<DescribedMail.Waits>(await StoreAsync(store, octets)).Why;

    static async Task<DescribedMail> StoreAsync(ClaimStore store, byte[] octets) =>
        await store.DescribeAsync(Attempt(octets), 0, Cancel);

    ClaimStore Open(
        string scheme, string? bucket = null, string? login = null, HttpMessageHandler? handler = null)
    {
        bucket ??= $"{scheme}://{ObjectServer.Bucket}/in";
        var options = new TransportOptions
        {
            Kind = TransportKind.Pubsub,
            ClaimBucket = bucket,
            ClaimEndpoint = server.Address.AbsoluteUri,
            ClaimLogin = new Secret("test:", login ?? $"{ObjectServer.Key}:{ObjectServer.Secret}"),
            ClaimRegion = ObjectServer.Region,
        };
        var parts = new ClaimParts(
            TimeProvider.System, links, _ => handler ?? Targets.MakeLoopbackHandler());
        var source = new InboundSource("mx.b.example", "0.1.0", "+", folder.FullName) { Claims = parts };
        // The environment of the process is Google's tests' alone: no credentials are looked for here.
        Assert.True(BucketAddress.TryParse(bucket, out var address, out _));
        return scheme == "gs"
            ? new GcsClaims(address, server.Address, null, options, source, parts)
            : ClaimStore.Open(options, source);
    }
}
