/*
 * Letters - a Spring service and its dead letters, for spring.t:
 *
 *   Letters read TOPIC COUNT    a @KafkaListener prints so many letters, a
 *                               line each; Spring's own conversions make
 *                               numbers and text of the kafka_dlt-* headers
 *   Letters write TOPIC COUNT   a DeadLetterPublishingRecoverer writes so many
 *                               records of TOPIC to TOPIC-dlt
 *
 * $CHAT_BROKERS says where Kafka is.
 */
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Payload;

public class Letters {
	static final String BROKERS = System.getenv("CHAT_BROKERS");
	static CountDownLatch left;

	static Map<String, Object> consumer(String group, Class<?> values) {
		return Map.of("bootstrap.servers", BROKERS, "group.id", group,
			"auto.offset.reset", "earliest", "isolation.level",
			"read_committed", "key.deserializer",
			StringDeserializer.class, "value.deserializer", values);
	}

	@Configuration
	@EnableKafka
	public static class Service {
		@Bean
		public ConcurrentKafkaListenerContainerFactory<String, String>
		kafkaListenerContainerFactory() {
			var factory = new ConcurrentKafkaListenerContainerFactory<
				String, String>();

			factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(
				consumer("letters-" + System.nanoTime(),
					StringDeserializer.class)));
			return factory;
		}

		@KafkaListener(topics = "${letters.topic}")
		public void letter(@Payload(required = false) String value,
			@Header(KafkaHeaders.RECEIVED_KEY) String key,
			@Header(KafkaHeaders.RECEIVED_PARTITION) int partition,
			@Header(KafkaHeaders.DLT_ORIGINAL_TOPIC) String topic,
			@Header(KafkaHeaders.DLT_ORIGINAL_PARTITION) int from,
			@Header(KafkaHeaders.DLT_ORIGINAL_OFFSET) long offset,
			@Header(KafkaHeaders.DLT_ORIGINAL_TIMESTAMP) long time,
			@Header(KafkaHeaders.DLT_ORIGINAL_TIMESTAMP_TYPE)
				String type,
			@Header(KafkaHeaders.DLT_ORIGINAL_CONSUMER_GROUP)
				String group,
			@Header(KafkaHeaders.DLT_EXCEPTION_FQCN) String fqcn,
			@Header(KafkaHeaders.DLT_EXCEPTION_MESSAGE)
				String message) {
			System.out.println(String.join(" ", key, "" + partition,
				topic, "" + from, "" + offset, "" + time, type,
				group, fqcn, message, value));
			left.countDown();
		}
	}

	static void read(String topic, int count) throws Exception {
		left = new CountDownLatch(count);
		System.setProperty("letters.topic", topic);
		var service = new AnnotationConfigApplicationContext(Service.class);
		boolean all = left.await(20, TimeUnit.SECONDS);

		service.close();
		System.exit(all ? 0 : 1);
	}

	static void recover(DeadLetterPublishingRecoverer recoverer,
		ConsumerRecord<?, ?> record) {
		recoverer.accept(record,
			new ListenerExecutionFailedException("Listener failed",
				"spring-group",
				new IllegalStateException("no such thing")));
	}

	static void write(String topic, int count) {
		var factory = new DefaultKafkaProducerFactory<Object, Object>(
			Map.of("bootstrap.servers", BROKERS, "key.serializer",
				org.apache.kafka.common.serialization
					.StringSerializer.class,
				"value.serializer", ByteArraySerializer.class));
		var recoverer = new DeadLetterPublishingRecoverer(
			new KafkaTemplate<>(factory),
			(record, e) -> new TopicPartition(record.topic() + "-dlt",
				record.partition()));
		int done = 0;

		try (var consumer = new KafkaConsumer<String, byte[]>(consumer(
			     "spring-group", ByteArrayDeserializer.class))) {
			consumer.subscribe(List.of(topic));
			for (int i = 0; i < 40 && done < count; i++)
				for (var record : consumer.poll(
					     Duration.ofMillis(500))) {
					recover(recoverer, record);
					done++;
				}
		}
		factory.destroy();
		System.exit(done == count ? 0 : 1);
	}

	public static void main(String[] args) throws Exception {
		int count = Integer.parseInt(args[2]);

		if (args[0].equals("read"))
			read(args[1], count);
		else
			write(args[1], count);
	}
}
