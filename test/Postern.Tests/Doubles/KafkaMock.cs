using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Postern.Tests.Doubles;

/// <summary>The cluster of librdkafka's own tests: one broker behind a real socket that speaks Kafka's
/// protocol, without logins and in memory.</summary>
sealed partial class KafkaMock : IDisposable
{
    const string Native = "librdkafka";
    const int Producer = 0;
    const int Broker = 1;
    const short ProduceRequest = 0;
    const int TextOctetsMax = 512;

    readonly nint owner;
    readonly nint cluster;

    static KafkaMock() => NativeLibrary.SetDllImportResolver(typeof(KafkaMock).Assembly, Resolve);

    public KafkaMock()
    {
        var said = new byte[TextOctetsMax];
        var settings = NewSettings();
        // What owns the cluster is no client of it, and would say so.
        Assert.Equal(0, Set(settings, "log_level", "0", said, TextOctetsMax));
        owner = NewOwner(Producer, settings, said, TextOctetsMax);
        cluster = NewCluster(owner, Broker);
        Server = Marshal.PtrToStringUTF8(BootstrapsOf(cluster))!;
    }

    /// <summary><c>127.0.0.1:port</c>.</summary>
    public string Server { get; }

    public void CreateTopic(string topic) =>
        Assert.Equal(0, CreateTopic(cluster, topic, partitions: 1, replicas: 1));

    /// <summary>Connections end and none is taken; what there is stays.</summary>
    public void SetDown() => Assert.Equal(0, SetDown(cluster, Broker));

    public void SetUp() => Assert.Equal(0, SetUp(cluster, Broker));

    /// <summary>What the next request to publish is answered.</summary>
    public void RefuseOnce(ErrorCode error) => PushErrors(cluster, ProduceRequest, 1, [(int)error]);

    /// <summary>All that the topic holds.</summary>
    public IReadOnlyList<ConsumeResult<string, byte[]>> ReadAll(string topic)
    {
        using var consumer = new ConsumerBuilder<string, byte[]>(new ConsumerConfig
        {
            BootstrapServers = Server,
            GroupId = "test",
            EnablePartitionEof = true,
            EnableAutoCommit = false,
        }).SetLogHandler(static (_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        var all = new List<ConsumeResult<string, byte[]>>();
        while (consumer.Consume(TestContext.Current.CancellationToken) is { IsPartitionEOF: false } one)
            all.Add(one);
        return all;
    }

    public void Dispose()
    {
        DestroyCluster(cluster);
        DestroyOwner(owner);
    }

    /// <summary>The build that needs no library of the host's is preferred.</summary>
    static nint Resolve(
        string name, System.Reflection.Assembly assembly, DllImportSearchPath? path) =>
        name == Native && NativeLibrary.TryLoad("centos8-" + name, assembly, path, out var portable)
            ? portable : 0;

    [LibraryImport(Native, EntryPoint = "rd_kafka_conf_new")]
    private static partial nint NewSettings();

    [LibraryImport(
        Native, EntryPoint = "rd_kafka_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Set(
        nint settings, string name, string value, byte[] error, nuint errorOctets);

    [LibraryImport(Native, EntryPoint = "rd_kafka_new")]
    private static partial nint NewOwner(int type, nint settings, byte[] error, nuint errorOctets);

    [LibraryImport(Native, EntryPoint = "rd_kafka_destroy")]
    private static partial void DestroyOwner(nint owner);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_cluster_new")]
    private static partial nint NewCluster(nint owner, int brokers);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_cluster_destroy")]
    private static partial void DestroyCluster(nint cluster);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
    private static partial nint BootstrapsOf(nint cluster);

    [LibraryImport(
        Native, EntryPoint = "rd_kafka_mock_topic_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CreateTopic(nint cluster, string topic, int partitions, int replicas);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_broker_set_down")]
    private static partial int SetDown(nint cluster, int broker);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_broker_set_up")]
    private static partial int SetUp(nint cluster, int broker);

    [LibraryImport(Native, EntryPoint = "rd_kafka_mock_push_request_errors_array")]
    private static partial void PushErrors(nint cluster, short request, nuint count, int[] errors);
}
