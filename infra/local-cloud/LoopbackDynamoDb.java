import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * Starts DynamoDB Local on 127.0.0.1 only. Its own main class listens on every interface and has no option for the host.
 *
 * <p>It ends when its standard input is closed, so that it does not outlive a local cloud that was killed.
 *
 * <p>Run with the options of DynamoDB Local: {@code java -cp DynamoDBLocal.jar LoopbackDynamoDb.java -inMemory -port 8000}.
 */
public final class LoopbackDynamoDb {
    private LoopbackDynamoDb() {}

    public static void main(String[] arguments) throws Exception {
        DynamoDBProxyServer dynamoDb = ServerRunner.createServerFromCommandLineArgs(arguments);
        // The Jetty server has no accessor. It is created but not bound before safeStart.
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        for (Connector connector : ((Server) field.get(dynamoDb)).getConnectors()) {
            ((ServerConnector) connector).setHost("127.0.0.1");
        }
        dynamoDb.safeStart();
        while (System.in.read() >= 0) {
            // Nothing is sent. Wait until the other end closes.
        }
        Runtime.getRuntime().halt(0);
    }
}
